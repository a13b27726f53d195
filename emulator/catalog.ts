// Facts about the emulated machine for those who only tell them, such as an editor: constants and tables,
// and nothing that runs.

export { MAX_DOMAIN_MEMORY, MAX_VCPUS } from './machine/messages.ts';
