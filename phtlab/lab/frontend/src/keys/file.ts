/**
 * Encoding and size limit of an uploaded key file.
 */

/** A key file has at most so many bytes; the server refuses more. */
export const MAX_KEY_FILE_BYTES = 64 * 1024;

/** `bytes` as base64. */
export function base64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) {
    binary += String.fromCharCode(byte);
  }
  return btoa(binary);
}
