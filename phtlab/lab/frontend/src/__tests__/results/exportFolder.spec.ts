import { exportFolder } from '../../results/exportFolder';
import { IJourney } from '../../server/api';

it('proposes a folder that any file system takes', () => {
  const journey = (train_name: string) =>
    ({
      train_name,
      submitted: '2026-03-02T09:35:00Z',
      short: '75588b7cf842'
    }) as IJourney;
  expect(exportFolder(journey('heart disease.ipynb'))).toBe(
    'results-heart-disease-2026-03-02-75588b'
  );
  expect(exportFolder(journey('../../<script>'))).toBe(
    'results-script-2026-03-02-75588b'
  );
  expect(exportFolder(journey('\u202e'))).toBe('results-2026-03-02-75588b');
});
