# Makes config.toml the configuration of a service: the service's own folders instead of those for trials, and no
# database, so that nothing is paid before somebody has said where.
s|^url = "sqlite://data/rewardd.db" *#|# url = "sqlite:///var/lib/rewardd/rewardd.db"   #|
s|^dir = "logs" *#|dir = "/var/log/rewardd"         #|
s|^state_file = "processes.json" *#|state_file = "/var/lib/rewardd/processes.json"   #|
s|^archive = "archive" *#|archive = "/var/lib/rewardd/archive"   #|
