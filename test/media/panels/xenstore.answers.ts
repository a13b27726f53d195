import type { PanelOptions } from './harness.ts';

export default {
  answers: {
    'xen/xenstore': {
      nodes: [
        {
          path: '/local',
          name: 'local',
          value: '',
          children: [
            {
              path: '/local/domain',
              name: 'domain',
              value: '',
              children: [{ path: '/local/domain/1', name: '1', value: 'x' }],
            },
          ],
        },
        { path: '/vm', name: 'vm', value: '' },
      ],
    },
  },
} satisfies PanelOptions;
