"""A browser tab with Link: a user's actions, and the callbacks that the site received."""

from playwright.sync_api import Locator, Page, expect

from sandbox.tests.browser.host import Host

GOOD = "pass_good"
LISTEN = """document.addEventListener("securitypolicyviolation",
    (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`))"""


class Tab:
    """A page with Link. ``problems`` collects console errors, policy violations and requests to other hosts."""

    def __init__(self, page: Page, host: Host) -> None:
        self.page, self.host, self.problems = page, host, []
        page.add_init_script(LISTEN)
        page.on("console", lambda line: line.type == "error" and self.problems.append(line.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda sent: sent.url.startswith(host.url) or self.problems.append(sent.url))

    def open(self, token: str | None = None) -> None:
        self.page.goto(self.host.link_url(token or self.host.create_token()))
        self.page.locator("#open").click()

    def to_banks(self) -> None:
        self.open()
        self.press("Continue")
        expect(self.button("First Platypus Bank firstplatypusbank.example")).to_be_visible()

    def to_sign_in(self) -> None:
        self.to_banks()
        self.press("First Platypus Bank firstplatypusbank.example")
        self.shows("Sign in to First Platypus Bank")

    def sign_in(self, password: str = GOOD, username: str = "user_good") -> None:
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.press("Submit")

    def to_accounts(self) -> None:
        self.to_sign_in()
        self.sign_in()
        self.shows("Choose accounts")

    def to_success(self) -> None:
        self.to_accounts()
        self.page.get_by_label("Plaid Checking").check()
        self.press("Continue")
        self.shows("Success")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("dialog").get_by_role("button", name=name, exact=True)

    def press(self, name: str) -> None:
        self.button(name).click()

    def shows(self, title: str) -> None:
        expect(self.page.get_by_role("dialog", name=title)).to_be_visible()

    def is_closed(self) -> None:
        expect(self.page.get_by_role("dialog")).to_have_count(0)

    def waits_for(self, name: str) -> None:
        self.page.wait_for_function("(name) => calls.some((call) => call[0] === name)", arg=name)

    def has_settled(self) -> None:
        """Wait until Link has processed its earlier calls: their responses come in order."""
        self.page.evaluate("new Promise((done) => Plaid.create({ token: 'x', onSuccess() {}, onLoad: done }))")

    def calls(self, name: str) -> list:
        return self.page.evaluate(
            "(name) => calls.filter((call) => call[0] === name).map((call) => call.slice(1))", name
        )

    def events(self) -> list[str]:
        """List the names of the events in order, TRANSITION_VIEW with the view's name."""
        return [
            f"{name} {fields['view_name']}" if fields["view_name"] else name for name, fields in self.calls("onEvent")
        ]
