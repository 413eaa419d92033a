import { nullTranslator } from '@jupyterlab/translation';

import { stationTitle } from '../../results/stationTitle';
import { IStationResults } from '../../server/api';

const trans = nullTranslator.load('phtlab');
const station = {
  station: 'cleveland',
  outputs: [],
  verdicts: [],
  handed_on: [],
  forecasts: [],
  rounds: null
} as IStationResults;

test.each([
  ['2 outputs', { outputs: [{}, {}] as IStationResults['outputs'] }],
  ['0 outputs', {}],
  ['departed', { handed_on: [{ output: 'sums', station: 'ulm' }] }],
  ['computed 12 rounds', { rounds: 12 }],
  ['computed 1 round', { rounds: 1 }],
  ['computed 0 rounds', { rounds: 0 }]
])('a station has %s', (title, changes) => {
  expect(stationTitle({ ...station, ...changes }, trans)).toBe(title);
});
