"""The processes of one LOTUS: embedded services, workers, beat, Flower, gateway and relay under one supervisor."""
