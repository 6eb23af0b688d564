namespace TrainSaveLoadPredict;

/// <summary>What a prediction engine is asked: the columns of the log that the model looks at.</summary>
internal sealed class Event
{
    public string UserId { get; set; } = "";

    public string ItemId { get; set; } = "";

    public long Timestamp { get; set; }
}

/// <summary>What it answers.</summary>
internal sealed class Prediction
{
    public float Score { get; set; }

    public float Probability { get; set; }

    public bool PredictedLabel { get; set; }
}
