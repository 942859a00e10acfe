// Puts the parts of the page that changed in their places, and copies. The server has escaped them.
"use strict";

const main = document.querySelector("main[data-stream]");

// Who reads with the keyboard, or has opened something, keeps their place when a part is replaced.
const placeOf = (element) =>
  element.id || element.getAttribute("href") || element.dataset.copy ||
  element.closest("[data-key]")?.dataset.key || "";

const replace = (part, html) => {
  const open = new Map();
  for (const one of part.querySelectorAll("details[data-key]")) open.set(one.dataset.key, one.open);
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  const place = active && placeOf(active);
  part.innerHTML = html;
  for (const one of part.querySelectorAll("details[data-key]")) {
    if (open.has(one.dataset.key)) one.open = open.get(one.dataset.key);
  }
  showCopyButtons(part);
  if (!place) return;
  const again = [...part.querySelectorAll(active.tagName)].find((one) => placeOf(one) === place);
  if (again) again.focus({ preventScroll: true });
};

// Copying needs a page from this machine or over TLS.
const showCopyButtons = (part) => {
  if (!navigator.clipboard) return;
  for (const button of part.querySelectorAll("button[data-copy]")) button.hidden = false;
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  const source = button && document.getElementById(button.dataset.copy);
  if (!source) return;
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed";
  }
});

showCopyButtons(document);

if (main) {
  const connection = document.getElementById("connection");

  const say = (words, lost = false) => {
    if (connection.textContent !== words) connection.textContent = words;
    connection.hidden = words === "";
    connection.classList.toggle("lost", lost);
  };

  const listen = () => {
    const stream = new EventSource(main.dataset.stream);
    stream.addEventListener("open", () => say("live"));
    stream.addEventListener("error", () => say("connection lost, trying again", true));
    stream.addEventListener("parts", (event) => {
      for (const [name, html] of Object.entries(JSON.parse(event.data))) {
        const part = document.getElementById(name);
        if (part) replace(part, html);
      }
    });
    stream.addEventListener("end", () => {
      stream.close();
      say("");
    });
    return stream;
  };

  // A page that was left may be kept for going back, and its stream with it; a browser opens six
  // connections to a server, so that the next pages would wait.
  let stream = listen();
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) stream = listen();
  });
}
