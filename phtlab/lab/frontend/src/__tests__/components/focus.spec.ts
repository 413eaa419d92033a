/** The focus: whoever clicks, types or goes elsewhere before it is moved keeps it. */
import { isUndisturbedUntil, isWritingOutside } from '../../components/focus';

function drawing(): { drawn: Promise<void>; finish: () => void } {
  let finish: () => void = () => undefined;
  const drawn = new Promise<void>(resolve => {
    finish = resolve;
  });
  return { drawn, finish };
}

function added(html: string): HTMLElement {
  const node = document.createElement('div');
  node.innerHTML = html;
  document.body.append(node);
  return node.firstElementChild as HTMLElement;
}

afterEach(() => document.body.replaceChildren());

describe('isUndisturbedUntil', () => {
  it('is true if nothing happens', async () => {
    const { drawn, finish } = drawing();
    const answer = isUndisturbedUntil(drawn);
    finish();
    expect(await answer).toBe(true);
  });

  it.each(['pointerdown', 'keydown'])('is false after a %s', async act => {
    const { drawn, finish } = drawing();
    const answer = isUndisturbedUntil(drawn);
    document.body.dispatchEvent(new Event(act, { bubbles: true }));
    finish();
    expect(await answer).toBe(false);
  });

  it('is false if the focus has moved, also before a failure', async () => {
    const { drawn, finish } = drawing();
    const answer = isUndisturbedUntil(drawn);
    added('<button></button>').focus();
    finish();
    expect(await answer).toBe(false);
    await expect(
      isUndisturbedUntil(Promise.reject(new Error('not drawn')))
    ).rejects.toThrow('not drawn');
  });

  it('is not about what was done before or afterwards', async () => {
    document.body.dispatchEvent(new Event('keydown', { bubbles: true }));
    const answer = isUndisturbedUntil(Promise.resolve());
    expect(await answer).toBe(true);
    document.body.dispatchEvent(new Event('keydown', { bubbles: true }));
    expect(await answer).toBe(true);
  });
});

describe('isWritingOutside', () => {
  it.each([
    ['<input>', true],
    ['<textarea></textarea>', true],
    ['<div contenteditable="true" tabindex="-1"></div>', true],
    ['<div contenteditable="false" tabindex="-1"></div>', false],
    ['<button></button>', false]
  ])('of %s is %s', (html, expected) => {
    const panel = added('<div></div>');
    const node = added(html);
    node.focus();
    expect(document.activeElement).toBe(node);
    expect(isWritingOutside(panel)).toBe(expected);
    expect(isWritingOutside(node.parentElement!)).toBe(false);
  });

  it('is false if nothing has the focus', () => {
    expect(isWritingOutside(added('<div></div>'))).toBe(false);
  });
});
