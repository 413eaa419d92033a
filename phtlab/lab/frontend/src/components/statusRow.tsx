/**
 * A row of a list in the Train panel that expands: its mark, and two lines.
 */
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Name } from '../text/name';

export interface IStatusRowProps {
  open: boolean;
  /** The id of the element that it shows and hides. */
  controls: string;
  title?: string;
  mark: string;
  name: string;
  /** The most characters of the name that are shown. */
  nameLimit: number;
  /** Beside the name. */
  side: string;
  /** Below it. */
  detail: string;
  detailSide: string;
  onToggle: () => void;
}

export function StatusRow(props: IStatusRowProps): JSX.Element {
  const Caret = props.open ? caretDownIcon : caretRightIcon;
  return (
    <button
      className="pht-Row"
      aria-expanded={props.open}
      aria-controls={props.controls}
      title={props.title}
      onClick={props.onToggle}
    >
      <Caret.react tag="span" className="pht-Caret" />
      <span className="pht-Mark" aria-hidden="true">
        {props.mark}
      </span>
      <span className="pht-Row-lines">
        <span className="pht-Row-line">
          <span className="pht-Row-name">
            <Name text={props.name} limit={props.nameLimit} />
          </span>
          <span className="pht-Row-side">{props.side}</span>
        </span>
        <span className="pht-Row-line pht-Row-detail">
          <span>{props.detail}</span>
          <span className="pht-Row-side">{props.detailSide}</span>
        </span>
      </span>
    </button>
  );
}
