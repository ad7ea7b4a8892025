"""Advisory locks of the ledger's database: whoever needs another takes the next number."""

from typing import Final

# Also in migrations/0001_ledger.sql: every append takes it.
APPEND: Final = 7306086
MIGRATE: Final = 7306087
MAKE_TABLES: Final = 7306088
REBUILD: Final = 7306089
# Shared by whoever reads read models, alone for whoever puts others in their place.
SWAP_READ_MODELS: Final = 7306090
PURGE: Final = 7306091
# Of the whole server ("vistory"): provisioning comes before there is a database.
PROVISION: Final = 0x7669_7374_6F72_79
