/**
 * The editor transaction that fixes a finding.
 */
import { Text, TransactionSpec } from '@codemirror/state';

import { IFix } from '../server/api';

/** `fix` in a cell with that text; null if the text has no such place. */
export function fixTransaction(text: Text, fix: IFix): TransactionSpec | null {
  if (fix.line < 1 || fix.line > text.lines) {
    return null;
  }
  const { from, length } = text.line(fix.line);
  if (fix.column < 0 || fix.column > length) {
    return null;
  }
  const at = from + fix.column;
  const { length: end } = fix.text;
  const [anchor, head] = fix.select ?? [end, end];
  return {
    changes: { from: at, insert: fix.text },
    // What only the author knows is selected: the next key replaces it.
    selection: {
      anchor: at + Math.min(anchor, end),
      head: at + Math.min(head, end)
    },
    scrollIntoView: true,
    userEvent: 'phtlab.fix'
  };
}
