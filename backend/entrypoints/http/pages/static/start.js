"use strict";

async function copy(box, button) {
  try {
    await navigator.clipboard.writeText(box.textContent);
    button.textContent = "Copied";
  } catch {
    // Browsers allow it only on this machine, or over HTTPS.
    getSelection().selectAllChildren(box);
    button.textContent = "Selected";
  }
}

for (const box of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  const label = box.dataset.copy;
  button.className = "copy";
  button.type = "button";
  button.textContent = label;
  button.addEventListener("click", async () => {
    await copy(box, button);
    setTimeout(() => (button.textContent = label), 2000);
  });
  box.after(button);
}
