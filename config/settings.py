"""All settings, read from environment variables. The defaults are safe for production; DEBUG=1 is for development.

Any value can also come from a file: ``SECRET_KEY_FILE=/run/secrets/key`` sets ``SECRET_KEY``. ``.env.example`` explains
each variable, and ``manage.py doctor`` prints the settings in effect.
"""

import sys
from datetime import timedelta
from pathlib import Path

from config.cache import CACHE_OPTIONS
from config.csp.policy import CONTENT_SECURITY_POLICY as CONTENT_SECURITY_POLICY
from config.environment import Environment, find_dev_environment
from config.jobs.broker import WAITS, broker_url
from config.logging.settings import logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()
if env.bool("READ_DOT_ENV", True):
    Environment.read_env(BASE_DIR / ".env")

# --- Modes -----------------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", False)
ALLOW_EMBEDDED = env.bool("ALLOW_EMBEDDED", DEBUG)
PLAID_ENV = env.str("PLAID_ENV", "embedded" if DEBUG else "")
CREDIT_ENV = env.str("CREDIT_ENV", "embedded" if PLAID_ENV == "embedded" else "off")
# Written by `make run` about the services that it started. Variables that are already set take precedence.
DEV_ENVIRONMENT = find_dev_environment(BASE_DIR)
if ALLOW_EMBEDDED and "DATABASE_URL" not in env:
    env.load_dev_environment(DEV_ENVIRONMENT)

# --- Secrets ---------------------------------------------------------------------------------------------

SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# The key by which allauth signs tokens of API clients. There are none yet, but a weak key is refused anyway.
HEADLESS_JWT_PRIVATE_KEY = env.str("JWT_PRIVATE_KEY", "", multiline=True)
FIELD_KEYS = env.str("FIELD_KEYS", "")
SIGNING_KEYS = env.str("SIGNING_KEYS", "")
# Where copies of the audit trail's state are appended; empty: they are in the log alone.
AUDIT_ANCHOR_FILE = env.str("AUDIT_ANCHOR_FILE", "")

# --- Site ------------------------------------------------------------------------------------------------

PUBLIC_URL = env.str("PUBLIC_URL", "http://localhost:8000" if DEBUG else "").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL.startswith("https://") else []
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)
BUILD_ID = env.str("BUILD_ID", "dev")
SUPPORT_EMAIL = env.str("SUPPORT_EMAIL", "")
# The files that users download: encrypted, and shared by web and workers.
EXPORT_DIR = env.str("EXPORT_DIR", str(DEV_ENVIRONMENT.parent / "exports"))

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "config",
    "ui",
    "compliance",
    "accounts.apps.AccountsConfig",
    "banking",
    "credit",
    "insights",
    "accounts.apps.OperatorsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_otp",
    "csp",
    "django_celery_beat",
    "django_filters",
    "django_htmx",
    "heroicons",
    "template_partials",
]

MIDDLEWARE = [
    "compliance.audit.middleware.RequestDetailsMiddleware",
    "config.http.middleware.SecurityHeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.http.middleware.LiveMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.http.middleware.RequestSanityMiddleware",
    "config.http.compression.PageCompressionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.http.middleware.PrivatePagesMiddleware",
    "accounts.sessions.middleware.SessionLimitsMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "compliance.isolation.middleware.TenantMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.sessions.middleware.LastSeenMiddleware",
    "accounts.deletion.middleware.DeletionPendingMiddleware",
    "accounts.mfa.middleware.StaffSecondFactorMiddleware",
    "accounts.agreements.middleware.AgreementMiddleware",
    "accounts.agreements.middleware.GlobalPrivacyControlMiddleware",
    "accounts.emails.middleware.MailFailureMiddleware",
    "config.http.limits.LimitsMiddleware",
]

FILE_LOADERS = ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.http.context.site_context",
            ],
            "builtins": ["django.templatetags.static", "template_partials.templatetags.partials"],
            "loaders": [("template_partials.loader.Loader", [("django.template.loaders.cached.Loader", FILE_LOADERS)])],
        },
    },
    # For rows that pages repeat many times; see ui/macros.py. The templates are in the "jinja2" folders of the apps.
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "APP_DIRS": True,
        "OPTIONS": {"environment": "config.jinja2.environment"},
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- Database: four roles; docs/architecture.md explains them ------------------------------------------------

DATABASES = {
    "default": {
        **env.db_url("DATABASE_URL"),
        "ENGINE": "compliance.isolation.postgresql",
        "ATOMIC_REQUESTS": True,
        "CONN_MAX_AGE": env.int("DATABASE_CONN_MAX_AGE", 60),
        "CONN_HEALTH_CHECKS": True,
        # The owner creates the test database, because the other roles may not.
        "TEST": {"MIRROR": "owner"},
    },
    "owner": {
        **env.db_url("DATABASE_OWNER_URL", default=env.str("DATABASE_URL")),
        "ENGINE": "compliance.timeouts.postgresql",
    },
    "ops": {
        **env.db_url("DATABASE_OPS_URL", default=env.str("DATABASE_URL")),
        "ENGINE": "compliance.timeouts.postgresql",
        "TEST": {"MIRROR": "owner"},
    },
    "viewer": {
        **env.db_url("DATABASE_VIEWER_URL", default=env.str("DATABASE_URL")),
        "ENGINE": "compliance.timeouts.postgresql",
        "TEST": {"MIRROR": "owner"},
    },
}

# --- Redis: cache, rate limits, broker; it never has the only copy of lasting data ------------------------

REDIS_URL = env.redis_url("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": CACHE_OPTIONS,
        "KEY_PREFIX": "plumbline",
        "KEY_FUNCTION": "config.cache.hash_key",
    }
}
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True
RATELIMIT_FAIL_OPEN = False
RATELIMIT_IP_META_KEY = "config.http.limits.address"

# --- Jobs ------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 900
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A worker empties its queues in the order in which it names them. By default it would take from them in turns.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "queue_order_strategy": "priority", **WAITS}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Celery leaves connections to the database alone; config.jobs.database_connections closes them.
CELERY_DB_REUSE_MAX = sys.maxsize
CELERY_BEAT_SCHEDULER = "config.jobs.scheduler:Scheduler"
CELERY_TIMEZONE = "UTC"

# --- Users and sign-in -----------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
# Emails are unique by a constraint on their lowercase form, which this check does not recognize.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
AUTHENTICATION_BACKENDS = ["accounts.sign_in.auth_backend.AuthBackend"]
# New hashes use the first. The others verify imported hashes, which are replaced when their user signs in.
PASSWORD_HASHERS = [
    "accounts.sign_in.hashers.Argon2id",
    "accounts.sign_in.hashers.ImportedBcrypt",
    "accounts.sign_in.hashers.ImportedBcryptSHA256",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "accounts.sign_in.validators.MaximumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "overview"
SIGNUP_OPEN = env.bool("SIGNUP_OPEN", True)
ACCOUNT_ADAPTER = "accounts.sign_in.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_DISPLAY = "accounts.users.models.display_name"
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_PREVENT_ENUMERATION = True
# One email address per user, confirmed by a code instead of a link: a new address stays in the session until its code
# is entered. For a link it would be stored with the account and could block the real owner of the address, which is
# why allauth refuses links for users with a second factor.
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_FORMS = {
    "signup": "accounts.sign_in.forms.SignupForm",
    "confirm_email_verification_code": "accounts.sign_in.forms.EmailCodeForm",
    "change_password": "accounts.sign_in.forms.NewPasswordForm",
    "reset_password_from_key": "accounts.sign_in.forms.ForgottenPasswordForm",
}
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
# Sign-ins are limited by IP address in "login" and not in "login_failed": a successful sign-in clears the latter, which
# it must not do for everyone at that address. "mail" is counted in accounts/emails/rate_limit.py: an email address gets
# at most four password links an hour, and four emails of other kinds, whether or not it has an account.
ACCOUNT_RATE_LIMITS = {
    "login": "20/m/ip",
    "login_failed": "5/15m/key",
    "confirm_email": "1/10s/key",
    "reset_password": "20/m/ip",
    "mail": "4/h/key",
}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT

MFA_ADAPTER = "accounts.mfa.adapter.MFAAdapter"
MFA_FORMS = {
    "authenticate": "accounts.mfa.forms.SecondStepCodeForm",
    "reauthenticate": "accounts.mfa.forms.ReauthenticateCodeForm",
    "activate_totp": "accounts.mfa.forms.ActivateAuthenticatorForm",
    "add_webauthn": "accounts.mfa.forms.AddPasskeyForm",
    "edit_webauthn": "accounts.mfa.forms.RenamePasskeyForm",
    "authenticate_webauthn": "accounts.mfa.forms.SecondStepPasskeyForm",
    "login_webauthn": "accounts.mfa.forms.PasskeySignInForm",
    "reauthenticate_webauthn": "accounts.mfa.forms.ReauthenticatePasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Plumbline"
MFA_TOTP_TOLERANCE = env.int("MFA_TOTP_TOLERANCE", 1)
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_TRUST_ENABLED = True
MFA_TRUST_COOKIE_AGE = timedelta(days=14)
MFA_TRUST_COOKIE_NAME = "trusted" if DEBUG else "__Host-trusted"
KNOWN_BROWSER_COOKIE_NAME = "browser" if DEBUG else "__Host-browser"
THEME_COOKIE_NAME = "theme" if DEBUG else "__Host-theme"
MESSAGES_COOKIE_NAME = "messages" if DEBUG else "__Host-messages"
MESSAGE_STORAGE = "config.http.message_storage.MessageStorage"
REQUIRE_SECOND_FACTOR_TO_LINK = env.bool("REQUIRE_SECOND_FACTOR_TO_LINK", False)
ADMIN_PATH = env.str("ADMIN_PATH", "operators/")

SESSION_IDLE = timedelta(minutes=30)
SESSION_MAX_LIFETIME = timedelta(hours=12)
SESSION_ENGINE = "accounts.sessions.session_store"
SESSION_COOKIE_NAME = "sessionid" if DEBUG else "__Host-sessionid"
SESSION_COOKIE_AGE = int(SESSION_MAX_LIFETIME.total_seconds())
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "csrftoken" if DEBUG else "__Host-csrftoken"
CSRF_COOKIE_SECURE = not DEBUG
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_FAILURE_VIEW = "config.views.csrf_failure"

# --- Mail ------------------------------------------------------------------------------------------------

email = env.email_url("EMAIL_URL")
EMAIL_BACKEND = email["EMAIL_BACKEND"].replace("django.core.mail.backends.smtp.", "config.smtp.")
EMAIL_HOST, EMAIL_PORT = email["EMAIL_HOST"], email["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = email["EMAIL_HOST_USER"], email["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = email.get("EMAIL_USE_TLS", False), email.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = email["EMAIL_FILE_PATH"]
# It contains a password and is not a setting.
del email
EMAIL_TIMEOUT = 4
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Plumbline <no-reply@localhost>")

# --- Banks: each provider's class by the key that rows store ----------------------------------------------

BANK_PROVIDERS = {"plaid": "banking.plaid.provider.PlaidProvider"}

PLAID_CLIENT_ID = env.str("PLAID_CLIENT_ID", "")
PLAID_SECRET = env.str("PLAID_SECRET", "")
PLAID_URL = env.str("PLAID_URL", "")
PLAID_CLIENT_NAME = env.str("PLAID_CLIENT_NAME", "Plumbline")
PLAID_COUNTRY_CODES = env.list("PLAID_COUNTRY_CODES", default=["US"])
PLAID_LANGUAGE = env.str("PLAID_LANGUAGE", "en")
PLAID_REDIRECT_URI = env.str("PLAID_REDIRECT_URI", "")
PLAID_DAYS_REQUESTED = env.int("PLAID_DAYS_REQUESTED", 730)
# Whether calls of the local sandbox keep to the rate limits of Plaid's.
PLAID_EMBEDDED_LIMITS = env.bool("PLAID_EMBEDDED_LIMITS", True)
# How many banks may be connected, 10 on Plaid's Trial plan; 0: any number. Plaid counts removed ones on that plan.
PLAID_ITEM_CAP = env.int("PLAID_ITEM_CAP", 0)
PLAID_ITEM_CAP_COUNTS_REMOVED = env.bool("PLAID_ITEM_CAP_COUNTS_REMOVED", True)
# How many calls of each endpoint that Plaid charges for may be made in a day (UTC).
PLAID_PAID_CALLS_PER_DAY = env.int("PLAID_PAID_CALLS_PER_DAY", 0)
# What "Sync now" has Plaid fetch from the bank, "transactions" and "balances"; each is a call that Plaid charges for.
# And how often in a day (UTC) for each connected bank.
PLAID_REFRESH = env.list("PLAID_REFRESH", default=[])
PLAID_REFRESHES_PER_DAY = env.int("PLAID_REFRESHES_PER_DAY", 3)
PLAID_LINK_STYLE_ATTR = env.bool("PLAID_LINK_STYLE_ATTR", False)
PLAID_WEBHOOK_URL = env.str("PLAID_WEBHOOK_URL", f"{PUBLIC_URL}/webhooks/plaid/" if "PUBLIC_URL" in env else "")

# --- Credit bureaus: each one's class by the key that rows store; new reports come from the first ----------

CREDIT_BUREAUS = {"experian": "credit.experian.bureau.ExperianBureau"}

# --- Credit bureau: in embedded mode that of the sandbox, which accepts anyone as bureau_user -------------

EXPERIAN_BASE_URL = env.str("EXPERIAN_BASE_URL", PLAID_URL if CREDIT_ENV == "embedded" else "")
EXPERIAN_TOKEN_PATH = env.str("EXPERIAN_TOKEN_PATH", "/oauth2/v1/token")
EXPERIAN_TOKEN_STYLE = env.str("EXPERIAN_TOKEN_STYLE", "headers")
EXPERIAN_REPORT_PATH = env.str("EXPERIAN_REPORT_PATH", "/consumerservices/credit-profile/v2/credit-report")
EXPERIAN_CLIENT_ID = env.str("EXPERIAN_CLIENT_ID", PLAID_CLIENT_ID if CREDIT_ENV == "embedded" else "")
EXPERIAN_CLIENT_SECRET = env.str("EXPERIAN_CLIENT_SECRET", PLAID_SECRET if CREDIT_ENV == "embedded" else "")
EXPERIAN_USERNAME = env.str("EXPERIAN_USERNAME", "bureau_user" if CREDIT_ENV == "embedded" else "")
EXPERIAN_PASSWORD = env.str("EXPERIAN_PASSWORD", "bureau_pass" if CREDIT_ENV == "embedded" else "")
EXPERIAN_SUBSCRIBER_CODE = env.str("EXPERIAN_SUBSCRIBER_CODE", "2222222" if CREDIT_ENV == "embedded" else "")
EXPERIAN_PERMISSIBLE_PURPOSE = env.str("EXPERIAN_PERMISSIBLE_PURPOSE", "3F" if CREDIT_ENV == "embedded" else "")
EXPERIAN_INQUIRY_CLASS = env.str("EXPERIAN_INQUIRY_CLASS", "soft" if CREDIT_ENV == "embedded" else "")
EXPERIAN_RISK_MODELS = env.list("EXPERIAN_RISK_MODELS", default=["V4"])
EXPERIAN_CLIENT_REFERENCE_ID = env.str("EXPERIAN_CLIENT_REFERENCE_ID", "")
EXPERIAN_VENDOR_NUMBER = env.str("EXPERIAN_VENDOR_NUMBER", "")
EXPERIAN_VENDOR_VERSION = env.str("EXPERIAN_VENDOR_VERSION", "")
EXPERIAN_TIMEOUT = env.float("EXPERIAN_TIMEOUT", 30.0)
EXPERIAN_ERROR_RULES = env.json("EXPERIAN_ERROR_RULES", default=[])
CREDIT_MODEL_MAP = env.json("CREDIT_MODEL_MAP", default={"V4": "vantagescore_4", "F9": "fico_9"})
CREDIT_REFRESH_DAYS = env.int("CREDIT_REFRESH_DAYS", 30)
EXPERIAN_PASSWORD_SET_ON = env.date("EXPERIAN_PASSWORD_SET_ON")

# --- HTTP ------------------------------------------------------------------------------------------------

SECURE_SSL_REDIRECT = not DEBUG and env.bool("SECURE_SSL_REDIRECT", True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SECURE_HSTS_SECONDS = 0 if DEBUG else int(timedelta(days=730).total_seconds())
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

# Off in tests, which serve the source files without collectstatic.
STATIC_MANIFEST = env.bool("STATIC_MANIFEST", True)
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_MANIFEST
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = DEBUG or not STATIC_MANIFEST

# --- Language, time, logs --------------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
TIME_ZONE = env.str("TIME_ZONE", "UTC")
USE_TZ = True
# No LocaleMiddleware while there is one language: it would look up the language of every request and add
# "Vary: Accept-Language" to every response. Without it, all responses are in LANGUAGE_CODE.
LANGUAGES = [("en", "English")]
# With English alone each sentence is its own translation; to look up 120 of them took 6 % of an overview's CPU time.
USE_I18N = len(LANGUAGES) > 1
LOCALE_PATHS = [BASE_DIR / "locale"]

LOGGING = logging_settings(env.str("LOG_LEVEL", "INFO"))
LOGGING_CONFIG = "config.logging.redaction.configure"
