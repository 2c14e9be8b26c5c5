-- The table of the example flights_postgres.
CREATE TABLE flights (
    departed_on    date NOT NULL,
    sched_dep_time smallint NOT NULL,
    dep_time       smallint,
    dep_minutes    smallint,
    dep_delay      integer,
    arr_delay      integer,
    carrier        varchar(3) NOT NULL,
    flight         integer NOT NULL,
    tail_number    text,
    origin         char(3) NOT NULL,
    dest           char(3) NOT NULL,
    air_time       integer,
    distance       integer NOT NULL CHECK (distance > 0),
    speed_mph      double precision
);
