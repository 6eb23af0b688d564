/** SHA-256, hexadecimal digits and text: what the file formats are made of. */

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<Uint8Array>} 32 bytes.
 */
export async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) {
    throw new Error("The page must be opened over HTTPS or from this machine (127.0.0.1): elsewhere browsers offer no SHA-256.");
  }

  return new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", bytes));
}

export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));

export const toUtf8 = (text) => new TextEncoder().encode(text);

/** @returns {string} The text; bytes that are no UTF-8 become replacement characters. */
export const fromUtf8 = (bytes) => new TextDecoder().decode(bytes);

export const areEqual = (left, right) => left.length === right.length && left.every((value, i) => value === right[i]);
