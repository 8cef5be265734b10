"""The frameworks that come with the program, a file each. Titles are our own words."""
