-- On how many GPUs the service of a framework could train, as it says itself.
ALTER TABLE work.trainers ADD COLUMN gpus integer NOT NULL DEFAULT 0;
