/**
 * Guards for code that moves the keyboard focus later: a person who acts meanwhile keeps it.
 */

/** What a person does that takes the focus, or needs it where it is. */
const USER_EVENTS = ['pointerdown', 'keydown', 'focusin'];

/** What one writes in. */
const EDITABLE =
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
  const onUserEvent = () => {
    isUndisturbed = false;
  };
  USER_EVENTS.forEach(act => document.addEventListener(act, onUserEvent, true));
  try {
    await promise;
  } finally {
    USER_EVENTS.forEach(act =>
      document.removeEventListener(act, onUserEvent, true)
    );
  }
  return isUndisturbed;
}

/** Whether the person writes in a cell, a file or a field that is not in `node`. */
export function isWritingOutside(node: HTMLElement): boolean {
  const { activeElement } = document;
  return (
    activeElement !== null &&
    activeElement.matches(EDITABLE) &&
    !node.contains(activeElement)
  );
}
