"""Videos and image folders: probing, extraction, drawing."""
