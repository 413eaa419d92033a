/**
 * The React properties that the Keys panel hands to its parts.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { IStatus } from '../server/api';
import { IKeyServer, IServerState } from '../server/interfaces';

export interface IKeysProps {
  trans: TranslationBundle;
  server: IServerState & IKeyServer;
  /** Ask for the passphrase, unless the key is open; gives whether it is. */
  unlock: () => Promise<boolean>;
  lock: () => void;
}

export interface IPartProps extends IKeysProps {
  status: IStatus;
  onDone: (sentence: string) => void;
}
