using DCCL.ML.Model;
using DCCL.ML.Onnx.Proto;
using DCCL.ML.Scoring;
using DataType = DCCL.ML.Onnx.Proto.TensorProto.Types.DataType;

namespace DCCL.ML.Onnx;

/// <summary>The ONNX graph of a whole prediction transformer: from a user and an item to the score, with every user's history, profile and patch inside.</summary>
/// <remarks>
/// <para>
/// It is for one row at a time, which is how Microsoft's OnnxTransformer calls it, and it is no export for devices: it holds what
/// the model remembers of everybody. Inputs: <c>dccl.user</c> and <c>dccl.item</c>, int64 [1, 1], key values, 0 where unknown. Outputs:
/// <c>dccl.score</c>, float [1, 1], NaN for item 0, and <c>dccl.status</c>, float [1, 1], the number of the <see cref="PatchStatus"/>.
/// </para>
/// <para>
/// Histories stand one after the other in one table, because most users have fewer events than the network can look at: the graph
/// cuts the user's own out of it, and the network then costs no more than that history does.
/// </para>
/// </remarks>
internal sealed class StockGraph
{
    public const string UserInput = "dccl.user";
    public const string ItemInput = "dccl.item";
    public const string ScoreOutput = "dccl.score";
    public const string StatusOutput = "dccl.status";

    private readonly GraphBuilder _graph = new();
    private readonly DeviceCloudPredictionTransformer _model;
    private readonly DeviceCloudModelParameters _parameters;
    private readonly int _numberOfRows;

    private StockGraph(DeviceCloudPredictionTransformer model)
    {
        _model = model;
        _parameters = model.Parameters;
        _numberOfRows = model.History.NumberOfUsers + 1; // row 0 is everybody whom the model does not know
    }

    /// <summary>Builds the graph.</summary>
    public static ModelProto Build(DeviceCloudPredictionTransformer model) => new StockGraph(model).Build();

    private ModelProto Build()
    {
        _graph.Input(UserInput, DataType.Int64, "1", "1");
        _graph.Input(ItemInput, DataType.Int64, "1", "1");
        string user = _graph.Node("user", "Reshape", UserInput, _graph.Integers(1)); // [1]
        _graph.Node(ModelGraph.ItemInput, "Identity", ItemInput);
        AddHistory(user);
        int profileSize = _parameters.Architecture.ProfileDimension;
        if (profileSize > 0)
        {
            float[] profiles = [.. new float[profileSize], .. _model.History.Profiles];
            _graph.Node(ModelGraph.ProfileInput, "Gather", _graph.Constant("user.profiles", profiles, _numberOfRows, profileSize), user);
        }

        (float[] patches, float[] statuses) = SelectPatches();
        PatchNodes? patchNodes = null;
        if (_parameters.Patch is PatchArchitecture patch)
        {
            _graph.Node(ModelGraph.PatchInput, "Gather", _graph.Constant("user.patches", patches, _numberOfRows, patch.PatchSize), user);
            patchNodes = new PatchNodes(_graph, _parameters, patch, CandidateShape.Few);
        }

        (string logit, _) = ModelGraph.AddBackbone(
            _graph, _parameters, CandidateShape.Few, (layer, activation) => patchNodes?.AfterActivation(layer, activation) ?? activation);
        logit = patchNodes?.AddToLogit(logit, ModelGraph.ItemInput) ?? logit;
        string status = _graph.Node("status", "Gather", _graph.Constant("user.statuses", statuses, _numberOfRows, 1), user); // [1, 1]
        string isUnknown = _graph.Node("item.unknown", "Equal", ItemInput, _graph.Integers(0));
        _graph.Node(ScoreOutput, "Where", isUnknown, _graph.Number(float.NaN), logit);
        _graph.Node(StatusOutput, "Where", isUnknown, _graph.Number((float)PatchStatus.UnknownItem), status);
        _graph.Output(ScoreOutput, DataType.Float, "1", "1");
        _graph.Output(StatusOutput, DataType.Float, "1", "1");
        return _graph.ToModel(ModelGraph.DescribeModel(_parameters));
    }

    /// <summary>Adds the user's history, most recent first, [1, l]: one padding where it is empty.</summary>
    private void AddHistory(string user)
    {
        int historyLength = _parameters.Architecture.HistoryLength;
        List<int> items = [0];
        int[] ends = new int[_numberOfRows + 1];
        ends[1] = 1;
        long[] recent = new long[historyLength];
        for (int row = 1; row < _numberOfRows; row++)
        {
            recent[0] = 0;
            int length = BehaviorHistory.CopyRecent(_model.History.GetItems(row), recent);
            for (int i = 0; i < Math.Max(1, length); i++)
            {
                items.Add((int)recent[i]);
            }

            ends[row + 1] = items.Count;
        }

        string table = _graph.Table("user.history.ends", ends);
        string start = _graph.Node("user.history.start", "Gather", table, user); // [1]
        string next = _graph.Node("user.next", "Add", user, _graph.Integers(1));
        string end = _graph.Node("user.history.end", "Gather", table, next); // [1]
        string own = _graph.Node("user.history.own", "Slice", _graph.Table("user.history.items", [.. items]), start, end); // [l]
        string cast = _graph.Node("user.history.cast", "Cast", own);
        _graph.Attribute("to", (long)DataType.Int64);
        _graph.Node(ModelGraph.HistoryInput, "Unsqueeze", cast, _graph.Integers(0));
    }

    /// <summary>What each user is served with, the choice made as the transformer makes it.</summary>
    private (float[] Patches, float[] Statuses) SelectPatches()
    {
        int patchSize = _model.PatchSelector.PatchSize;
        float[] patches = new float[checked(_numberOfRows * patchSize)];
        float[] statuses = new float[_numberOfRows];
        long[] recent = new long[_parameters.Architecture.HistoryLength];
        float[] nobody = new float[_parameters.Architecture.ProfileDimension];
        using StockPatchCheck check = new(_model);
        for (int user = 0; user < _numberOfRows; user++)
        {
            int length = user == 0 ? 0 : BehaviorHistory.CopyRecent(_model.History.GetItems(user), recent);
            ReadOnlySpan<float> profile = user == 0 ? nobody : _model.History.GetProfile(user);
            statuses[user] = (float)_model.PatchSelector.Select(
                user, recent.AsSpan(0, length), profile, patches.AsSpan(user * patchSize, patchSize));
            check.Check(user, recent.AsSpan(0, length), profile, patches.AsSpan(user * patchSize, patchSize));
        }

        return (patches, statuses);
    }
}
