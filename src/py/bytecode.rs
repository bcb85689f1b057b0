//! What bytecode of each CPython version looks like, as far as its bytes tell versions apart.

/// A version's opcodes.
struct Version {
    minor: u8,
    /// Ranges of numbers, both ends included. `CACHE` is not among them: it stands only where a cache is.
    opcodes: &'static [(u8, u8)],
    /// How many two-byte units of cache follow an opcode; they are zero in `co_code`.
    caches: &'static [(u8, u8)],
}

/// From each version's `opcode.opmap` and `opcode._inline_cache_entries`.
const VERSIONS: &[Version] = &[
    Version {
        minor: 9,
        opcodes: &[
            (1, 6),
            (9, 12),
            (15, 17),
            (19, 20),
            (22, 29),
            (48, 52),
            (54, 57),
            (59, 79),
            (82, 87),
            (89, 98),
            (100, 118),
            (121, 122),
            (124, 126),
            (130, 133),
            (135, 138),
            (141, 148),
            (154, 157),
            (160, 165),
        ],
        caches: &[],
    },
    Version {
        minor: 10,
        opcodes: &[
            (1, 6),
            (9, 12),
            (15, 17),
            (19, 20),
            (22, 34),
            (49, 52),
            (54, 57),
            (59, 79),
            (82, 87),
            (89, 119),
            (121, 122),
            (124, 126),
            (129, 133),
            (135, 138),
            (141, 148),
            (152, 152),
            (154, 157),
            (160, 165),
        ],
        caches: &[],
    },
    Version {
        minor: 11,
        opcodes: &[
            (1, 2),
            (9, 12),
            (15, 15),
            (25, 25),
            (30, 33),
            (35, 37),
            (49, 54),
            (60, 61),
            (68, 71),
            (74, 75),
            (82, 112),
            (114, 120),
            (122, 126),
            (128, 140),
            (142, 142),
            (144, 149),
            (151, 152),
            (155, 157),
            (160, 160),
            (162, 166),
            (171, 176),
        ],
        caches: &[
            (25, 4),
            (60, 1),
            (92, 1),
            (95, 4),
            (106, 4),
            (107, 2),
            (116, 5),
            (122, 1),
            (160, 10),
            (166, 1),
            (171, 4),
        ],
    },
    Version {
        minor: 12,
        opcodes: &[
            (1, 5),
            (9, 9),
            (11, 12),
            (15, 15),
            (17, 17),
            (25, 27),
            (30, 33),
            (35, 37),
            (49, 55),
            (60, 61),
            (68, 69),
            (71, 71),
            (74, 75),
            (83, 83),
            (85, 85),
            (87, 87),
            (89, 110),
            (114, 147),
            (149, 152),
            (155, 157),
            (162, 165),
            (171, 176),
        ],
        caches: &[
            (25, 1),
            (60, 1),
            (92, 1),
            (93, 1),
            (95, 4),
            (106, 9),
            (107, 1),
            (116, 4),
            (122, 1),
            (123, 1),
            (141, 1),
            (171, 3),
        ],
    },
    Version {
        minor: 13,
        opcodes: &[(1, 2), (4, 69), (71, 118), (149, 149)],
        caches: &[
            (5, 1),
            (39, 1),
            (40, 3),
            (45, 1),
            (53, 3),
            (58, 1),
            (59, 1),
            (72, 1),
            (77, 1),
            (82, 9),
            (91, 4),
            (93, 1),
            (97, 1),
            (98, 1),
            (99, 1),
            (100, 1),
            (104, 1),
            (108, 4),
            (117, 1),
        ],
    },
    Version {
        minor: 14,
        opcodes: &[(1, 2), (4, 120), (128, 128)],
        caches: &[
            (38, 1),
            (39, 3),
            (44, 5),
            (52, 3),
            (55, 3),
            (56, 1),
            (57, 1),
            (70, 1),
            (75, 1),
            (80, 9),
            (92, 4),
            (96, 1),
            (100, 1),
            (101, 1),
            (102, 1),
            (103, 1),
            (106, 1),
            (110, 4),
            (119, 1),
        ],
    },
    Version {
        minor: 15,
        opcodes: &[(1, 2), (4, 119), (128, 128)],
        caches: &[
            (4, 1),
            (36, 1),
            (37, 3),
            (42, 5),
            (50, 3),
            (53, 3),
            (54, 1),
            (55, 1),
            (68, 1),
            (70, 1),
            (74, 1),
            (79, 9),
            (91, 4),
            (95, 1),
            (99, 1),
            (100, 1),
            (101, 1),
            (102, 1),
            (105, 1),
            (109, 4),
            (118, 1),
            (128, 1),
        ],
    },
];

/// In a table of opcodes: not one of the version.
const ABSENT: u8 = u8::MAX;

/// For each opcode the length of its cache, or `ABSENT`.
const fn table(version: &Version) -> [u8; 256] {
    let mut table = [ABSENT; 256];
    let mut i = 0;
    while i < version.opcodes.len() {
        let (mut opcode, last) = (version.opcodes[i].0 as usize, version.opcodes[i].1 as usize);
        while opcode <= last {
            table[opcode] = 0;
            opcode += 1;
        }
        i += 1;
    }
    i = 0;
    while i < version.caches.len() {
        table[version.caches[i].0 as usize] = version.caches[i].1;
        i += 1;
    }
    table
}

const TABLES: [[u8; 256]; VERSIONS.len()] = {
    let mut tables = [[0; 256]; VERSIONS.len()];
    let mut i = 0;
    while i < tables.len() {
        tables[i] = table(&VERSIONS[i]);
        i += 1;
    }
    tables
};

/// Can this be bytecode of CPython 3.`minor`? Of a version that is not in the list everything can be.
pub fn fits(code: &[u8], minor: u8) -> bool {
    let Some(index) = VERSIONS.iter().position(|v| v.minor == minor) else { return true };
    let table = &TABLES[index];
    if code.is_empty() || !code.len().is_multiple_of(2) {
        return false;
    }
    let mut units = code.chunks_exact(2);
    while let Some(unit) = units.next() {
        match table[unit[0] as usize] {
            ABSENT => return false,
            caches => {
                for _ in 0..caches {
                    if units.next() != Some(&[0, 0]) {
                        return false;
                    }
                }
            }
        }
    }
    true
}

/// The versions of the list.
pub fn versions() -> impl Iterator<Item = u8> {
    VERSIONS.iter().map(|v| v.minor)
}
