BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE hpo_gpu (
	machine VARCHAR(64) NOT NULL, 
	uuid VARCHAR(96) NOT NULL, 
	seat INTEGER NOT NULL, 
	worker VARCHAR(255) NOT NULL, 
	lease_expires_at DOUBLE NOT NULL, 
	PRIMARY KEY (machine, uuid, seat)
);
CREATE TABLE hpo_look (
	id INTEGER NOT NULL, 
	study VARCHAR(512) NOT NULL, 
	incarnation VARCHAR(32) NOT NULL, 
	rows VARCHAR(16) NOT NULL, 
	baseline VARCHAR(255) NOT NULL, 
	fidelity VARCHAR(255) NOT NULL, 
	optimum VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	pairs INTEGER NOT NULL, 
	alpha DOUBLE, 
	p_value DOUBLE, 
	verdict VARCHAR(16) NOT NULL, 
	looked_at DOUBLE NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE hpo_revision (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT hpo_revision_pkc PRIMARY KEY (version_num)
);
INSERT INTO "hpo_revision" VALUES('6');
CREATE TABLE hpo_slot (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	study VARCHAR(512) NOT NULL, 
	incarnation VARCHAR(32) NOT NULL, 
	position INTEGER NOT NULL, 
	payload TEXT NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	attempt INTEGER NOT NULL, 
	handed_back INTEGER NOT NULL, 
	worker VARCHAR(255), 
	started_at DOUBLE, 
	lease_expires_at DOUBLE, 
	trial_number INTEGER, 
	params TEXT, 
	digest VARCHAR(64), 
	outcome VARCHAR(8), 
	value DOUBLE, 
	reason TEXT, 
	traceback TEXT, 
	settled_at DOUBLE, further TEXT, output TEXT, turn INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT hpo_slot_position UNIQUE (study, position), 
	CONSTRAINT hpo_slot_digest UNIQUE (study, digest)
);
INSERT INTO "hpo_slot" VALUES(1,'cnn-report-quick','4f54dd731f65fd8bb5988e80380d76e1',0,'{}','settled',1,0,'w1',1.79590872318045473104e+09,NULL,NULL,'{"x": 0.25}',NULL,'complete',0.5,NULL,NULL,1.79590872339212417603e+09,NULL,NULL,1);
INSERT INTO "hpo_slot" VALUES(2,'cnn-report-quick','4f54dd731f65fd8bb5988e80380d76e1',1,'{}','open',0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
CREATE TABLE hpo_study (
	name VARCHAR(512) NOT NULL, 
	incarnation VARCHAR(32) NOT NULL, 
	reference TEXT NOT NULL, 
	definition VARCHAR(255) NOT NULL, 
	space VARCHAR(255) NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	fidelity VARCHAR(255) NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	metric VARCHAR(255) NOT NULL, 
	seed BIGINT NOT NULL, 
	sampler VARCHAR(64) NOT NULL, 
	pruner VARCHAR(64) NOT NULL, 
	created_at DOUBLE NOT NULL, kind VARCHAR(16) DEFAULT 'search' NOT NULL, parent VARCHAR(512), version VARCHAR(64), trial_timeout DOUBLE, until DOUBLE, stopped_at DOUBLE, stopped_by VARCHAR(255), stopped_why TEXT, objectives VARCHAR(255), data VARCHAR(64), 
	PRIMARY KEY (name)
);
INSERT INTO "hpo_study" VALUES('cnn-report-quick','4f54dd731f65fd8bb5988e80380d76e1','cnn','cnn','report','ffffffffffffffff','quick','maximize','accuracy',1,'tpe','asha',1.79590872309917092323e+09,'search',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE hpo_version (
	id INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "hpo_version" VALUES(1,6);
CREATE TABLE hpo_worker (
	name VARCHAR(255) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	machine VARCHAR(64) NOT NULL, 
	pid INTEGER NOT NULL, 
	program VARCHAR(64) NOT NULL, 
	threads INTEGER, 
	gpu VARCHAR(96), 
	gpu_name VARCHAR(255), 
	study VARCHAR(512), 
	doing VARCHAR(255) DEFAULT '' NOT NULL, 
	refuses TEXT DEFAULT '{}' NOT NULL, 
	started_at DOUBLE NOT NULL, 
	beaten_at DOUBLE NOT NULL, 
	lease_expires_at DOUBLE NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'cnn-report-quick');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_system_attributes" VALUES(1,1,'study:metric_names','["accuracy"]');
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE INDEX ix_hpo_study_definition ON hpo_study (definition);
CREATE INDEX ix_hpo_look_study ON hpo_look (study);
CREATE INDEX hpo_slot_leased ON hpo_slot (study, worker) WHERE state = 'leased';
CREATE INDEX hpo_slot_complete ON hpo_slot (study, value) WHERE outcome = 'complete';
CREATE INDEX hpo_slot_unsettled ON hpo_slot (study, turn, position) WHERE state <> 'settled';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('hpo_slot',2);
COMMIT;
