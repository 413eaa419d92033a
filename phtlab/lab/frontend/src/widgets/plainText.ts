/**
 * The texts of a widget: without JupyterLab there is no translator.
 */
import { TranslationBundle } from '@jupyterlab/translation';

type Values = readonly unknown[];

const fill = (text: string, values: Values): string =>
  text.replace(/%(\d+)/g, (mark, place) => {
    const value = values[Number(place) - 1];
    return value === undefined ? mark : String(value);
  });

const choose = (one: string, many: string, n: number, values: Values): string =>
  fill(n === 1 ? one : many, [n, ...values]);

/** As JupyterLab's translator without a catalogue. */
export const plainText: TranslationBundle = {
  __: (text, ...values) => fill(text, values),
  _n: (one, many, n, ...values) => choose(one, many, n, values),
  _p: (_, text, ...values) => fill(text, values),
  _np: (_, one, many, n, ...values) => choose(one, many, n, values),
  gettext: (text, ...values) => fill(text, values),
  ngettext: (one, many, n, ...values) => choose(one, many, n, values),
  pgettext: (_, text, ...values) => fill(text, values),
  npgettext: (_, one, many, n, ...values) => choose(one, many, n, values),
  dcnpgettext: (_domain, _context, one, many, n, ...values) =>
    choose(one, many, n, values)
};
