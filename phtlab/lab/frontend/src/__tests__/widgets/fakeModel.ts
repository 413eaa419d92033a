/** The model of a widget, without a kernel. */
export class FakeModel {
  constructor(private readonly _traits: { [name: string]: unknown }) {}

  readonly sent: unknown[] = [];
  saved = 0;

  get(name: string): unknown {
    return this._traits[name];
  }

  set(name: string, value: unknown): void {
    this._traits[name] = value;
  }

  save_changes(): void {
    this.saved++;
  }

  send(message: unknown): void {
    this.sent.push(message);
  }

  on(event: string, callback: () => void): void {
    this._callbacks.push([event, callback]);
  }

  off(event: string, callback: () => void): void {
    this._callbacks = this._callbacks.filter(
      ([name, other]) => name !== event || other !== callback
    );
  }

  /** The kernel changed traits. */
  change(traits: { [name: string]: unknown }): void {
    Object.assign(this._traits, traits);
    for (const [event, callback] of [...this._callbacks]) {
      if (event.replace('change:', '') in traits) {
        callback();
      }
    }
  }

  private _callbacks: [string, () => void][] = [];
}
