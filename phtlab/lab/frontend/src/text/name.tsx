/**
 * An untrusted name as a React element: truncated, its text direction isolated.
 */
import * as React from 'react';

import { truncateMiddle } from './untrusted';

/** Long enough for what people write, short enough for a heading at 1280 px. */
const LIMIT = 48;
/** For a sentence of somebody else's. */
export const SENTENCE_LIMIT = 600;
/** What a tooltip shows of a name that is no name. */
const TITLE_LIMIT = 1000;

export function Name(props: { text: string; limit?: number }): JSX.Element {
  const truncated = truncateMiddle(props.text, props.limit ?? LIMIT);
  const title =
    truncated === props.text
      ? undefined
      : truncateMiddle(props.text, TITLE_LIMIT);
  return <bdi title={title}>{truncated}</bdi>;
}

/**
 * A translated sentence with a name in it: `words` has `%1` in its place, as in
 * `trans.__('member of %1', '%1')`.
 */
export function Sentence(props: { words: string; name: string }): JSX.Element {
  const [before, ...after] = props.words.split('%1');
  return (
    <>
      {before}
      <Name text={props.name} />
      {after.join('%1')}
    </>
  );
}
