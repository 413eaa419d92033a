/**
 * Elements without a framework. What others wrote only ever becomes text, never markup.
 */
import { truncateMiddle } from '../text/untrusted';

/** What a tooltip shows of a name that is cut. */
const TITLE_LIMIT = 1000;

/** An element of the journey's style with a class, text and attributes. */
export function makeElement<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  name: string,
  text = '',
  attributes: { [name: string]: string } = {}
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.className = `pht-journey-${name}`;
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  return element;
}

/** Set text only where it changed: a screen reader hears what is new. Empty elements are hidden. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
  element.hidden = text === '';
}

/** Set an untrusted text, cut to `limit` characters; its tooltip has more of it. */
export function setUntrusted(
  element: HTMLElement,
  text: string,
  limit: number
): void {
  const shown = truncateMiddle(text, limit);
  setText(element, shown);
  element.title = shown === text ? '' : truncateMiddle(text, TITLE_LIMIT);
}
