"""Step metrics of the zoo: what is drawn and asked, and how answers are counted."""
