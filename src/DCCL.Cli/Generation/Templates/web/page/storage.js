/** What the page keeps in the browser: the visitor's picks, and the patch as its file's bytes. */

const keyOf = (name) => `dccl.{{Name}}.${name}`;

/** @returns {{id: string, isPositive: boolean}[]} In the order in which they were picked. */
export function loadPicks() {
  try {
    const picks = JSON.parse(localStorage.getItem(keyOf("picks")) ?? "[]");
    return Array.isArray(picks) ? picks.filter((pick) => typeof pick?.id === "string" && typeof pick.isPositive === "boolean") : [];
  } catch {
    return [];
  }
}

export const savePicks = (picks) => localStorage.setItem(keyOf("picks"), JSON.stringify(picks));

/**
 * @param {"patch" | "opened"} name The visitor's patch; and the one that was opened from a file, from which learning goes on.
 * @returns {Uint8Array | null} The file; anything may have happened to it.
 */
export function loadPatch(name) {
  const text = localStorage.getItem(keyOf(name));
  try {
    return text === null ? null : Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array(); // no base64: refused as any damaged file
  }
}

export const savePatch = (name, file) => localStorage.setItem(keyOf(name), btoa(String.fromCharCode(...file)));

export function forgetPatches() {
  localStorage.removeItem(keyOf("patch"));
  localStorage.removeItem(keyOf("opened"));
}
