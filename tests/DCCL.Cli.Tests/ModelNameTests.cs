using DCCL.Cli.Generation;
using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>Names of models, which become names of classes and files.</summary>
public sealed class ModelNameTests
{
    [TestCase("1bad", "")]
    [TestCase("my-model", "")]
    [TestCase("Name\n", "")]
    [TestCase("class", ", a keyword of C#")]
    [TestCase("namespace", ", a keyword of C#")]
    [TestCase("record", ", a keyword of C#")]
    [TestCase("var", ", a keyword of C#")]
    [TestCase("System", ", which the generated code needs for something else")]
    [TestCase("Microsoft", ", which the generated code needs for something else")]
    [TestCase("DCCL", ", which the generated code needs for something else")]
    [TestCase("TorchSharp", ", which the generated code needs for something else")]
    [TestCase("Program", ", which the generated code needs for something else")]
    [TestCase("ModelInput", ", which the generated code needs for something else")]
    [TestCase("ModelOutput", ", which the generated code needs for something else")]
    [TestCase("Recommender", ", which the generated code needs for something else")]
    [TestCase("Console", ", which the generated code needs for something else")]
    [TestCase("ITransformer", ", which the generated code needs for something else")]
    [TestCase("DinTrainer", ", which the generated code needs for something else")]
    [TestCase("Predict", ", which the generated code needs for something else")]
    [TestCase("report", ", which the generated code needs for something else")]
    [TestCase("After", ", which the generated code needs for something else")]
    [TestCase("Equals", ", which the generated code needs for something else")]
    [TestCase("con", ", which Windows keeps for a device")]
    [TestCase("NUL", ", which Windows keeps for a device")]
    [TestCase("Aux", ", which Windows keeps for a device")]
    [TestCase("prn", ", which Windows keeps for a device")]
    [TestCase("Com1", ", which Windows keeps for a device")]
    [TestCase("LPT9", ", which Windows keeps for a device")]
    public void Train_ANameThatCannotBe_IsRefused(string name, string why)
    {
        ToolRun run = ToolRun.Of("train", "--data", "log.csv", "--name", name);

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.BadInput));
        string shown = name.Trim() == name ? name : $"{name.Trim()} "; // a fault is one line
        Assert.That(run.Error, Is.EqualTo(
            $"error: The --name must be a C# name of letters and digits, such as MovieModel, but is '{shown}'{why}. Choose another one.\n"));
    }

    [TestCase("Movies")]
    [TestCase("movies")]
    [TestCase("Class")]
    [TestCase("MovieModel")]
    [TestCase("Random", Description = "A type of a namespace that programs use, but not of their code: the name of the model goes before.")]
    [TestCase("Written", Description = "A word of a comment.")]
    [TestCase("Recommend", Description = "A member of something else.")]
    [TestCase("Code", Description = "What follows the name of the model in that of its namespace.")]
    [TestCase("Score", Description = "A member of a class within the model's.")]
    [TestCase("Seed", Description = "A member in an initializer.")]
    [TestCase("Task", Description = "A type that is only used with arguments.")]
    [TestCase("folder", Description = "A variable within a method.")]
    [TestCase("Com0")]
    [TestCase("Console1")]
    public void Check_ANameThatIsFree_IsTaken(string name) => Assert.That(() => ModelName.Check(name), Throws.Nothing);

    [TestCase("class.csv", "ClassModel")]
    [TestCase("con.csv", "ConModel")]
    [TestCase("System.csv", "SystemModel")]
    [TestCase("folder/ml-100k.tsv", "Ml100kModel")]
    [TestCase("2024.csv", "Log2024Model")]
    [TestCase("---.csv", "LogModel")]
    public void Make_AFile_IsAValidName(string path, string expected)
    {
        Assert.That(ModelName.Make(path), Is.EqualTo(expected));
        Assert.That(() => ModelName.Check(expected), Throws.Nothing);
    }

    [Test]
    public void Make_ALongFileName_IsShortened() => Assert.That(ModelName.Make(new string('a', 200) + ".csv"), Is.EqualTo("A" + new string('a', 94) + "Model"));
}
