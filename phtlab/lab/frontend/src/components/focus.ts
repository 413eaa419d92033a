/**
 * The focus, for what moves it some time after it was asked to: whoever goes on meanwhile keeps it.
 */

/** What a person does that takes the focus, or needs it where it is. */
const ACTS = ['pointerdown', 'keydown', 'focusin'];

/** What one writes in. */
const WRITTEN_IN =
  'input, textarea, select, [contenteditable]:not([contenteditable="false"])';

/**
 * Wait for `promise`. Whether nobody has clicked, typed or moved the focus meanwhile.
 *
 * Lab says that a widget is drawn when the page is idle: seconds later while that loads, and the
 * person writes in a cell by then.
 */
export async function isUndisturbedUntil(
  promise: Promise<void>
): Promise<boolean> {
  let isUndisturbed = true;
  const note = () => {
    isUndisturbed = false;
  };
  ACTS.forEach(act => document.addEventListener(act, note, true));
  try {
    await promise;
  } finally {
    ACTS.forEach(act => document.removeEventListener(act, note, true));
  }
  return isUndisturbed;
}

/** Whether the person writes in a cell, a file or a field that is not in `node`. */
export function isWritingOutside(node: HTMLElement): boolean {
  const { activeElement } = document;
  return (
    activeElement !== null &&
    activeElement.matches(WRITTEN_IN) &&
    !node.contains(activeElement)
  );
}
