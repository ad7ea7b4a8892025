-- How much an organization stores is summed up whenever it stores more.
CREATE INDEX blobs_stored ON content.blobs (organization_id) INCLUDE (size) WHERE arrived;
