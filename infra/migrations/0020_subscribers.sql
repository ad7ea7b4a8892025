-- Who of the downstream systems has which place on the bus, and up to where it has acknowledged.

SET ROLE {app};

CREATE TABLE work.subscribers (
    place integer PRIMARY KEY,
    service_account_id uuid NOT NULL UNIQUE,
    organization_id uuid NOT NULL,
    position bigint NOT NULL
);

RESET ROLE;
