"""The processes of a mesh: started, kept running, waited for, and ended whatever happens."""
