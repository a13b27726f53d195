// Numbers of system registers and system instructions that the kernels know. The registers with
// storage that are named in memory/layout.ts have the number of their slot; what stands here has
// none. Written in the common subset of TypeScript and AssemblyScript, like layout.ts.

/** Registers without storage, and system instructions, are numbered from here. */
export const INDEX_FIRST = 384;

export const INDEX_NZCV = 384;
export const INDEX_DAIF = 385;
export const INDEX_CURRENT_EL = 386;
export const INDEX_SP_SEL = 387;
export const INDEX_PAN = 388;
export const INDEX_UAO = 389;
export const INDEX_FPCR = 390;
export const INDEX_FPSR = 391;

export const INDEX_DC_ZVA = 400;
export const INDEX_DC_IVAC = 401;
export const INDEX_DC_CVAC = 402;
export const INDEX_DC_CVAU = 403;
export const INDEX_DC_CIVAC = 404;
export const INDEX_DC_ISW = 405;
export const INDEX_DC_CSW = 406;
export const INDEX_DC_CISW = 407;
export const INDEX_IC_IALLUIS = 408;
export const INDEX_IC_IALLU = 409;
export const INDEX_IC_IVAU = 410;

export const INDEX_AT_S1E1R = 416;
export const INDEX_AT_S1E1W = 417;
export const INDEX_AT_S1E0R = 418;
export const INDEX_AT_S1E0W = 419;
export const INDEX_AT_S1E1RP = 420;
export const INDEX_AT_S1E1WP = 421;
export const INDEX_AT_S1E2R = 422;
export const INDEX_AT_S1E2W = 423;
export const INDEX_AT_S12E1R = 424;
export const INDEX_AT_S12E1W = 425;
export const INDEX_AT_S12E0R = 426;
export const INDEX_AT_S12E0W = 427;

export const INDEX_TLBI_VMALLE1IS = 432;
export const INDEX_TLBI_VAE1IS = 433;
export const INDEX_TLBI_ASIDE1IS = 434;
export const INDEX_TLBI_VAAE1IS = 435;
export const INDEX_TLBI_VALE1IS = 436;
export const INDEX_TLBI_VAALE1IS = 437;
export const INDEX_TLBI_VMALLE1 = 438;
export const INDEX_TLBI_VAE1 = 439;
export const INDEX_TLBI_ASIDE1 = 440;
export const INDEX_TLBI_VAAE1 = 441;
export const INDEX_TLBI_VALE1 = 442;
export const INDEX_TLBI_VAALE1 = 443;
export const INDEX_TLBI_IPAS2E1IS = 444;
export const INDEX_TLBI_IPAS2LE1IS = 445;
export const INDEX_TLBI_IPAS2E1 = 446;
export const INDEX_TLBI_IPAS2LE1 = 447;
export const INDEX_TLBI_ALLE2IS = 448;
export const INDEX_TLBI_VAE2IS = 449;
export const INDEX_TLBI_ALLE1IS = 450;
export const INDEX_TLBI_VALE2IS = 451;
export const INDEX_TLBI_VMALLS12E1IS = 452;
export const INDEX_TLBI_ALLE2 = 453;
export const INDEX_TLBI_VAE2 = 454;
export const INDEX_TLBI_ALLE1 = 455;
export const INDEX_TLBI_VALE2 = 456;
export const INDEX_TLBI_VMALLS12E1 = 457;

/** The first number that the table hands out by itself. */
export const INDEX_FREE = 480;
export const INDEX_COUNT = 1024;
