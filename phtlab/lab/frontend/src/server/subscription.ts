/**
 * A React component that shows what the server extension tells.
 */
import * as React from 'react';

import { IServerState } from './interfaces';

/** Draw the component anew whenever `server` has news. */
export function useServer(server: IServerState): void {
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
