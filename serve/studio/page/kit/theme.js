// Dark or light: as the system has it, or as it was chosen here, which the browser remembers.

const names = { "": "as the system", light: "light", dark: "dark" }, order = Object.keys(names);

// changed is an event of the document when colours are others; what draws on a canvas draws again.
export const changed = "theme";

export function start(button) {
  let chosen = order.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "";
  const show = () => {
    if (chosen) document.documentElement.dataset.theme = chosen; else delete document.documentElement.dataset.theme;
    button.textContent = { "": "◐", light: "☀", dark: "☾" }[chosen];
    button.setAttribute("aria-label", `Colours: ${names[chosen]}`);
    button.title = `Colours: ${names[chosen]}`;
    document.dispatchEvent(new Event(changed));
  };
  button.addEventListener("click", () => {
    chosen = order[(order.indexOf(chosen) + 1) % order.length];
    if (chosen) localStorage.setItem("theme", chosen); else localStorage.removeItem("theme");
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}
