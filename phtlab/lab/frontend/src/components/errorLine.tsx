/**
 * An error message below a control; a screen reader reads it at once.
 */
import * as React from 'react';

export function ErrorLine(props: { children: React.ReactNode }): JSX.Element {
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
