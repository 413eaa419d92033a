/**
 * A heading that shows and hides what is below it.
 */
import * as React from 'react';

export function Disclosure(props: {
  title: string;
  warns?: boolean;
  children: (close: () => void) => React.ReactNode;
}): JSX.Element {
  const [open, setOpen] = React.useState(false);
  const id = React.useId();
  return (
    <div className={'pht-Disclosure' + (props.warns ? ' pht-mod-warns' : '')}>
      <button
        className="pht-Disclosure-title"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <span aria-hidden="true" className="pht-Disclosure-mark">
          ▸
        </span>
        {props.title}
      </button>
      <div id={id} hidden={!open}>
        {open && props.children(() => setOpen(false))}
      </div>
    </div>
  );
}
