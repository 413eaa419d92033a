import { EditorState, Text } from '@codemirror/state';

import { fixTransaction } from '../../findings/fix';
import { IFix } from '../../server/api';

const TITLE = 'Declare of=…';

const FIX: IFix = {
  title: TITLE,
  line: 2,
  column: 15,
  text: ', of=...',
  select: [5, 8]
};

function applied(lines: string[], fix: IFix): EditorState | null {
  const state = EditorState.create({ doc: Text.of(lines) });
  const change = fixTransaction(state.doc, fix);
  return change && state.update(change).state;
}

describe('changeOf', () => {
  const lines = ['x = 1', 'publish("n", x)', 'y = 2'];

  it('inserts at its line and column, and selects what is to be filled in', () => {
    const state = applied(lines, { ...FIX, column: 14 });
    expect(state?.doc.toString()).toBe('x = 1\npublish("n", x, of=...)\ny = 2');
    const { from, to } = state!.selection.main;
    expect(state?.sliceDoc(from, to)).toBe('...');
  });

  it('stands behind what it inserted where nothing is to be filled in', () => {
    const whole = { ...FIX, column: 14, text: ', of=3', select: null };
    const state = applied(lines, whole);
    const { from, to } = state!.selection.main;
    expect(from).toBe(to);
    expect(state?.sliceDoc(to)).toBe(')\ny = 2');
  });

  it('counts in UTF-16, as the server does', () => {
    const state = applied(['s = "😀"; f(s)'], {
      ...FIX,
      line: 1,
      column: 13,
      text: ', a=1',
      select: null
    });
    expect(state?.doc.toString()).toBe('s = "😀"; f(s, a=1)');
  });

  it('may insert lines', () => {
    const state = applied(['f(', '  1,', ')'], {
      ...FIX,
      line: 2,
      column: 4,
      text: '\n  a=1,',
      select: null
    });
    expect(state?.doc.toString()).toBe('f(\n  1,\n  a=1,\n)');
  });

  it.each([
    { line: 0 },
    { line: 4 },
    { column: -1 },
    { column: 16 },
    { line: 1, column: 6 }
  ])('changes nothing at %j, which is not there', more => {
    expect(applied(lines, { ...FIX, ...more })).toBeNull();
  });

  it('selects no further than what it inserted', () => {
    const state = applied(lines, { ...FIX, column: 14, select: [0, 999] });
    const { from, to } = state!.selection.main;
    expect(state?.sliceDoc(from, to)).toBe(', of=...');
  });
});
