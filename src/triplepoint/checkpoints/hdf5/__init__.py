"""HDF5 without trust: structure by h5py in a child process, values from the map."""
