/**
 * A React hook that redraws a component when the server's state changes.
 */
import * as React from 'react';

import { IServerState } from './interfaces';

/** Draw the component anew whenever `server` has news. */
export function useServerState(server: IServerState): void {
  const [, draw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    const onChanged = () => draw();
    server.changed.connect(onChanged);
    // News between the first drawing and now.
    draw();
    return () => {
      server.changed.disconnect(onChanged);
    };
  }, [server]);
}
