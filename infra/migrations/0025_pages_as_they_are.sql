-- A page is written once and read often, and at each reading what is kept squeezed would be unpacked anew.

SET ROLE {app};

ALTER TABLE content.pages ALTER COLUMN body SET STORAGE EXTERNAL;

RESET ROLE;
