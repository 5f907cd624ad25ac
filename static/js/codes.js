// Copies, downloads and prints recovery codes. Without this script they can be written down or printed as they stand.
const box = document.querySelector("[data-codes]");

function download(text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = "plumbline-recovery-codes.txt";
  link.click();
  URL.revokeObjectURL(link.href);
}

if (box) {
  const codes = box.querySelector("pre").textContent;
  const status = box.querySelector("[data-done]");
  const deeds = {
    copy: async () => {
      try {
        await navigator.clipboard.writeText(codes);
        status.textContent = status.dataset.textCopied;
      } catch {
        status.textContent = status.dataset.textFailed;
      }
    },
    download: () => download(codes),
    print: () => window.print(),
  };
  for (const [name, deed] of Object.entries(deeds)) {
    const button = box.querySelector(`[data-${name}]`);
    button.hidden = false;
    button.addEventListener("click", deed);
  }
}
