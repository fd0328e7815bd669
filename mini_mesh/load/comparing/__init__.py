"""Two loads side by side: is the new one slower, and by how much, or is it chance?"""
