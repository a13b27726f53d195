import { expect, test } from 'vitest';
import { type Cursor, meaningOf } from '../../../media/panel/table-keys.ts';

const leaf = { key: 'leaf', parent: 'folder' };
const folded = { key: 'folder', expanded: false };
const unfolded = { key: 'folder', expanded: true };
const on = (cursor: Partial<Cursor>): Cursor => ({
  index: 3,
  column: undefined,
  item: leaf,
  page: 10,
  ...cursor,
});

test('arrows and page keys go from row to row', () => {
  expect(meaningOf('ArrowDown', false, on({}))).toEqual({ to: 'row', index: 4 });
  expect(meaningOf('PageUp', false, on({ index: 30 }))).toEqual({ to: 'row', index: 20 });
  expect(meaningOf('Home', false, on({}))).toEqual({ to: 'row', index: 0 });
});

test('the right arrow unfolds a row before it goes into its cells', () => {
  expect(meaningOf('ArrowRight', false, on({ item: folded }))).toEqual({ to: 'fold', key: 'folder' });
  expect(meaningOf('ArrowRight', false, on({ item: unfolded }))).toEqual({ to: 'column', column: 0 });
  expect(meaningOf('ArrowRight', false, on({ column: 1 }))).toEqual({ to: 'column', column: 2 });
});

test('the left arrow leaves the cells, then folds, then goes to the row above', () => {
  expect(meaningOf('ArrowLeft', false, on({ item: unfolded, column: 0 }))).toEqual({
    to: 'column',
    column: -1,
  });
  expect(meaningOf('ArrowLeft', false, on({ item: unfolded }))).toEqual({ to: 'fold', key: 'folder' });
  expect(meaningOf('ArrowLeft', false, on({}))).toEqual({ to: 'parent', key: 'folder' });
  expect(meaningOf('ArrowLeft', false, on({ item: { key: 'top' } }))).toEqual({ to: 'nowhere' });
});

test('Space folds what can be folded; other keys are not of the table', () => {
  expect(meaningOf(' ', false, on({ item: unfolded }))).toEqual({ to: 'fold', key: 'folder' });
  expect(meaningOf(' ', false, on({}))).toBeUndefined();
  expect(meaningOf('F10', true, on({}))).toEqual({ to: 'menu' });
  expect(meaningOf('F10', false, on({}))).toBeUndefined();
  expect(meaningOf('x', false, on({}))).toBeUndefined();
});

test('without a row under the cursor the sideways arrows do nothing', () => {
  expect(meaningOf('ArrowRight', false, on({ index: -1, item: undefined }))).toEqual({ to: 'nowhere' });
  expect(meaningOf('ArrowLeft', false, on({ index: -1, item: undefined }))).toEqual({ to: 'nowhere' });
});
