"""The version of Ekman that this exporter belongs to; a test compares it with CMakeLists.txt."""
VERSION = "0.1.0"
