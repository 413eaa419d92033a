/**
 * What anywidget gives to a widget's module.
 */

/** The widget in the kernel: its traits, and messages to it. */
export interface IWidgetModel<T> {
  get<K extends keyof T & string>(name: K): T[K];
  set<K extends keyof T & string>(name: K, value: T[K]): void;
  save_changes(): void;
  send(message: unknown): void;
  on(event: string, callback: () => void): void;
  off(event: string, callback: () => void): void;
}

export interface IRenderContext<T> {
  model: IWidgetModel<T>;
  el: HTMLElement;
}

/** Call `callback` when one of `traits` changes; the result stops that. */
export function onChange<T>(
  model: IWidgetModel<T>,
  traits: readonly (keyof T & string)[],
  callback: () => void
): () => void {
  traits.forEach(trait => model.on(`change:${trait}`, callback));
  return () => traits.forEach(trait => model.off(`change:${trait}`, callback));
}

/** Dispatch a window event; whether something in the page handled it. */
export function dispatchToPage(type: string, detail: unknown): boolean {
  return !window.dispatchEvent(
    new CustomEvent(type, { detail, cancelable: true })
  );
}
