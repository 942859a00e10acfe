// Puts the parts of the page that changed in their places. The server has escaped them.
"use strict";

const main = document.querySelector("main[data-stream]");

if (main) {
  const connection = document.getElementById("connection");
  const stream = new EventSource(main.dataset.stream);

  const say = (words) => {
    if (connection.textContent !== words) connection.textContent = words;
    connection.hidden = words === "";
  };

  stream.addEventListener("open", () => say("live"));
  stream.addEventListener("error", () => say("connection lost, trying again"));
  stream.addEventListener("parts", (event) => {
    for (const [name, html] of Object.entries(JSON.parse(event.data))) {
      const part = document.getElementById(name);
      if (part) part.innerHTML = html;
    }
  });
  stream.addEventListener("end", () => {
    stream.close();
    say("");
  });
}
