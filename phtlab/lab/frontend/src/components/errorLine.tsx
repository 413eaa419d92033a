/**
 * What went wrong, below what was asked for: read out at once by a screen reader.
 */
import * as React from 'react';

export function ProblemLine(props: { children: React.ReactNode }): JSX.Element {
  return (
    <p className="pht-Problem" role="alert">
      <span className="pht-Problem-mark" aria-hidden="true">
        ✗
      </span>
      <span className="pht-Problem-text" dir="auto">
        {props.children}
      </span>
    </p>
  );
}
