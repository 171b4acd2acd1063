/**
 * Light or dark: as the system says, or as the reader chooses.
 *
 * @module
 */

import { button, el } from "./dom.ts";

const THEMES = ["auto", "light", "dark"] as const;
type Theme = typeof THEMES[number];

const KEY = "hangar-theme";

/** Three buttons, of which one is pressed. */
export function themeSwitch(): HTMLElement {
  const buttons = new Map<Theme, HTMLButtonElement>();
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = kept();
  const choose = (theme: Theme) => {
    chosen = theme;
    const isDark = theme === "auto" ? system.matches : theme === "dark";
    document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
    for (const [name, made] of buttons) {
      made.setAttribute("aria-pressed", `${name === theme}`);
    }
  };
  for (const theme of THEMES) {
    const made = button({ class: "toggle" }, () => {
      choose(theme);
      keep(theme);
    }, theme);
    buttons.set(theme, made);
  }
  choose(chosen);
  system.addEventListener("change", () => choose(chosen));
  return el(
    "div",
    { class: "theme", role: "group", "aria-label": "Colours" },
    ...buttons.values(),
  );
}

// Some browsers keep nothing for pages that are opened from disk.
function keep(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It holds until the page is left.
  }
}

function kept(): Theme {
  try {
    const found = localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === found) ?? "auto";
  } catch {
    return "auto";
  }
}
